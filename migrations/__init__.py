"""The database schema: numbered migrations, each tested up and down."""
