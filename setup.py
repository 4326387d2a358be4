"""The compiled kernels (docs/adr/0016). All else about the package is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

FOLDER = Path("processors/kernels")

setup(
    ext_modules=[
        Extension(
            "processors.kernels._compiled",
            sources=sorted(map(str, FOLDER.glob("*.c"))),
            depends=sorted(map(str, FOLDER.glob("*.h"))),
            # The arithmetic must be numpy's, operation by operation: no fused multiply-add.
            extra_compile_args=["-O3", "-std=c11", "-ffp-contract=off"],
            libraries=["m"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            # Without a compiler the wheel has no kernels; everything works in columns, slower.
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
