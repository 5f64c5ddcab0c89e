"""`shedwatch bench`: how fast it is, always against a reference run in the same minute on the same machine.

Absolute figures do not carry over between machines, and not between minutes of a busy one; ratios do. So each benchmark
runs ours and its reference in turn, several times, and reports the pair of runs with the median ratio.
"""
