"""Each kernel against its twin in numpy, to the byte."""
