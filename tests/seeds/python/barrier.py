async def barrier(nc):
    """Resolves when the broker has taken everything sent before, and stored what was published.

    One flush is not enough in nats-py: it writes its PING ahead of what publish and subscribe left
    in the client's buffer. The PING of the second comes behind it.
    """
    await nc.flush()
    await nc.flush()
