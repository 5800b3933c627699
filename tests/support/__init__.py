"""What several tests need: routing data in memory, channel data made and replies read."""
