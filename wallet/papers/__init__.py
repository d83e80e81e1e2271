"""Papers of money: receipts and statements, as PDF, XLSX and CSV."""
