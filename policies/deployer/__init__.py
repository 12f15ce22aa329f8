"""What whoever deploys the stack needs, and no more: IAM policies made from what the program declares."""
