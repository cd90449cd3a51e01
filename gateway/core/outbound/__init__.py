"""The ways out to addresses that users, models and pages chose: where they may lead, and what they may take."""
