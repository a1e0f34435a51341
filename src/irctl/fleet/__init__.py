"""Controllers away from their clinic: who trusts whom (`pairing`), and the door at which only the paired clinic gets in (`door`).

A controller listens on its own machine only. What reaches it from elsewhere passes the door, a process of its own: it speaks TLS, lets in nobody but the
clinic that the controller was paired with, and hands on bytes. Whatever knocks there costs the lamps nothing.
"""
