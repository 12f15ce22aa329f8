"""What is measured: one part per module, each with `measure`, whose answer is kept in results.json as it is."""
