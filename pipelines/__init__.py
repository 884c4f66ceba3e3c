"""Stories: each file tells one from its data to its model, top to bottom; nothing imports them."""
