"""Is it well: what `irctl doctor` looks at, one subject a file. Each has a look, which reads, and judgements, which are functions of what was read. Changes nothing."""
