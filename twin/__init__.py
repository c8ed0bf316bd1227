"""What the city is: model, units, coordinates, store, rules, alarms, access. Knows no web and no screen."""
