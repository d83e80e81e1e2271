"""What everybody is told, or everybody who cares for some wards."""
