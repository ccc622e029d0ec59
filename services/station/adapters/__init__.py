"""Where the bytes of files lie, and the servers by which charge points and operators bring and fetch them."""
