"""What a run takes before it is run: memory, time, nodes and files, on this machine or on one that a file describes."""
