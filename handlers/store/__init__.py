"""DynamoDB and EventBridge behind small typed classes, and the two mechanisms on them: append and project."""
