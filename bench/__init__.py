"""What is fast, and beside what. Measured on one machine, with the load and the database on the same cores."""
