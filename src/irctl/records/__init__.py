"""The clinic's database: what the journals say, as rows to search, and what people add to it, which nothing else knows.

Two kinds of tables. What is *projected* follows from the journals alone and can be rebuilt from them (projection.py, following.py). What is *kept* is here
and nowhere else: who the patients are (people.py), amendments, and who has looked at whom; it is what a back-up is for (backup.py).
"""
