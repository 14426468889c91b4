"""What rehearsals and tests put in the place of time and of the providers; all else is real."""
