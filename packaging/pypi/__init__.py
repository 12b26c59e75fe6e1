"""wandflow: one MCP server for MLflow traces, Weights & Biases runs and Weave."""
