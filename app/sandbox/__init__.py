"""The sandbox's stand-ins of outside parties: two identity providers and a face match, served on a port of their own.

They keep to the standards that the real ones keep to, and misbehave when they are told to. Nobody of the city's own
code knows them: it is pointed at them by its settings, as it is at the real ones."""
