"""What partners call that needs more than traffic: from agreements to repayment. Under /partner/v1/."""
