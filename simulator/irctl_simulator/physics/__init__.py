"""Physics: values in, values out; time is always an argument."""
