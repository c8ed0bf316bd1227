"""Complaints of citizens, classified by the office that took them."""
