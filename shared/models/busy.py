"""What "nothing is left to do for the executor" means, as one question to the books."""

from sqlalchemy import text

BUSY_ORDERS = text("""
    SELECT count(*) FROM orders
    WHERE state IN ('intended', 'submitting', 'unknown')
       OR (state = 'open' AND (cancel_wanted OR trigger_wanted IS NOT NULL OR quantity_wanted IS NOT NULL
                               OR request IS NOT NULL))
""")
"""How many orders wait to be sent or answered. An order that the venue holds as we want it is not one of them."""
