"""The thaw search: depth as a market, on which device time goes where it is expected to improve the best trial most."""
