"""Readers of the user's own tables of (picture, text, label), and of the layouts of common public sets.

Each public set is read from a folder that the user has: nothing is downloaded. docs/datasets.md says which file goes to
which function.
"""
