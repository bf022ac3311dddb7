"""Files: written aside and renamed, with all that is needed to make them again."""
