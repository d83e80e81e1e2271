"""The sandbox's stand-ins of outside parties, served on a port of their own: two identity providers and a face match
here; the payment gateway VNPAY, the partner bank and the billers, which are money's, in `wallet/sandbox`.

They keep to the standards that the real ones keep to, and misbehave when they are told to. Nobody of the city's own
code knows them: it is pointed at them by its settings, as it is at the real ones."""
