"""The last step: from columns of evidence to encoded scores."""
