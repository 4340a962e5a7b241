-- The seats of a device, for whoever has nothing but what its application calls it.
CREATE INDEX seats_device_idx ON seats (vendor, device);
