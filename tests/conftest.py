"""Its presence puts this folder on the path, for what tests share: mirrors, commands, lines."""
