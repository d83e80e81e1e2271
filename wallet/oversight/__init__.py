"""What watches over money: refunds by finance, disputes, freezes, reconciliation, exports for compliance."""
