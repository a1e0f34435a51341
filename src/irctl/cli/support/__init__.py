"""What a developer needs to help, and nothing about anybody: what `irctl support-bundle` collects.

What may leave is named, field by field, and each field with what its value may look like. Whatever nobody has named stays here: so does every field that is new.
"""
