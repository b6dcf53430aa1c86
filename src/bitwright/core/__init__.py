"""What every floor stands on: errors, rules, origins, names, files, progress."""
