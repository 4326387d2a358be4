"""What people answer to an alert in a chat or a pager, as labels; and the small server that takes it."""
