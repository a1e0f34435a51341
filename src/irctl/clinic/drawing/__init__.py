"""What pages show, as HTML and SVG: functions of values, which escape what somebody typed."""
