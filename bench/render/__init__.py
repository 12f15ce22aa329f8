"""Results as documents and plots: the same results give the same bytes."""
