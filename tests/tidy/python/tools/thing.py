def thing(:
