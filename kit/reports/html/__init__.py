"""What the HTML pages of runs and comparisons share: template, styles, gallery, plots."""
