"""The shipped scripts, one module each: copy one to begin your own."""
