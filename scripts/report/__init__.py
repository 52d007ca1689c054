"""mts3-list and mts3-report: what runs found, in lines and on a page."""
