"""One pass each over a block of symbols laid out (T, B): rows of B lanes that lie together.

Every kernel steps through time with all B lanes abreast, so that recurrences become vector
instructions. None is compiled before it is called; compiled code is cached beside its file.
"""
