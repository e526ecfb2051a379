"""What POP3's commands do."""
