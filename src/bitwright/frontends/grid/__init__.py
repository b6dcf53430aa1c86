"""What every frontend shares: element-wise chains on the grid of codes, and the walk that uses them."""
