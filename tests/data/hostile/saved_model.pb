™
saved_model