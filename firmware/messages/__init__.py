"""The typed messages between core and the patient screen: views out, intents in."""
