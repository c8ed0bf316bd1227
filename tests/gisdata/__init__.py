"""Tests of the ground the city stands on."""
