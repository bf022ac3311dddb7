"""What is measured on the fields."""
