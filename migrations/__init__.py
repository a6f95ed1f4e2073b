"""The schema's history: numbered steps, each tested up and down."""
