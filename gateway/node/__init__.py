"""The worker node: an asyncio process that takes jobs from the queue and does them. Knows no Flask."""
