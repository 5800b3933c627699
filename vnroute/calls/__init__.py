"""What happened to calls: CDRs taken in, kept safe, rated, stored once, and reported."""
